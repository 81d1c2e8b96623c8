"""The synthesis networks: `build` makes one, the store keeps trained ones, a card tells what each is."""

from MR2XRayLib.device import wait_passively

# Most modules in here load torch as they are imported; this comes before.
wait_passively()
