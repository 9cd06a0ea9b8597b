"""Data sets, their files, batches and augmentation."""
