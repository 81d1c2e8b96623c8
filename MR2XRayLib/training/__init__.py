"""Training generators on simulated heads: heads, live pairs, losses, the loop, the evaluation, the recipe.

`python -m MR2XRayLib.training --labels DIR --out DIR` makes the shipped generator from nothing but label volumes.
"""
