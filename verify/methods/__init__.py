"""The methods that give evidence, one file each."""
