"""The catalogue of real things: pictures, networks, activations and functions that claims are tried on."""
