"""Reload: a changed dialplan watched for, compiled beside the calls, put in place."""
