"""pyinfra runs this first: settings and inventory are checked before any connection is opened."""

from homeport import guard

guard.install()
