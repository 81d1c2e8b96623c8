"""Simulated heads: MR and CT volumes of label anatomies with random looks, and random views of them."""
