"""IVR, which speaks to the caller: prompts, menus, surveys, voicemail, feature codes."""
