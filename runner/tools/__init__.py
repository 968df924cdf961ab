"""What surrounds a run: making configurations and models, bundles, cleaning, the doctor."""
