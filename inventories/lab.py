"""The lab's machines: what `homeport lab up` has started. Each serves the application under its own name."""

from homeport.lab.inventory import inventory

lab = inventory()
