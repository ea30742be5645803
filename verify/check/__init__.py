"""Whether Grad-CAM++'s closed form is valid on a given network, at a given layer, for a given picture.

models, views    MODEL and IMAGE of the command line -> a network and what it sees
places           which entry stands where
compare          closed form against exact weights and maps
certificate      rigorous bounds on a sample of entries
enclosed         the true weights of these in balls
later            the nearest later layer that would do
reasons          which assumptions hold, and what follows, in words
judge            all of it: `check_model`
heatmaps         overlays and arrays, picture by picture
commands         what the command line calls
"""
