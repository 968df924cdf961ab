"""Jobs on the nodes of a cluster: submitted, worked off there, followed from here."""
