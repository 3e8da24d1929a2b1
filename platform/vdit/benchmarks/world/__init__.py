"""The miniature world before it is on disk: scenes, their pixels and their sentences. Nothing here reads or writes a file."""
