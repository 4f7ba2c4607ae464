"""The search index of the local run: the function `catalog_indexer`, fed from the emulator's stream."""
