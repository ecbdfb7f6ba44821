// Settings at run time. The container and the embedded stack provide their own; without them the build's are used.
