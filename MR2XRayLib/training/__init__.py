"""Training generators on simulated heads: heads, live pairs, losses, the loop, the evaluation, the recipe.

`mr2xray train --labels DIR --out DIR` makes a generator from nothing but label volumes;
`finetune.fine_tune` tunes a generator to a registered MR and CT of one's own.
"""
