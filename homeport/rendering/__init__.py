"""The files that go to hosts are templates: Jinja2, its filters, and compiled templates that are kept."""
