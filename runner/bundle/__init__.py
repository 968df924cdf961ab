"""Images, wheels and data in one checksummed folder, for machines without a network."""
