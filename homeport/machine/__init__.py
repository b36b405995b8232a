"""The machine's own steps: packages, accounts, upkeep, who gets in; and which systems homeport runs on."""
