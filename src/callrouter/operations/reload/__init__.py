"""A changed dialplan made live: watched for, compiled beside the calls, put in place."""
