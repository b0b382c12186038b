"""A session to look at and listen to: one offline page, or the same page with working buttons."""
