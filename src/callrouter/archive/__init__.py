"""Audio that is kept: messages in voicemail boxes and recorded calls, as files with rows."""
