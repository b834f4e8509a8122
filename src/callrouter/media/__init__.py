"""The media pool: PJSIP workers, the sessions they hold, and the prompts they play."""
