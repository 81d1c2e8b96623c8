"""The synthesis networks: `build` makes one, the store keeps trained ones, a card tells what each is."""
