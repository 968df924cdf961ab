"""What the runs of weeks say of one cell, as pictures, pages and words."""
