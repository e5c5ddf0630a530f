// Owns the precompiled header, so that it exists before any folder has sources.
