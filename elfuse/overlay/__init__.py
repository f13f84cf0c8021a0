"""Read-only image trees and one writable upper seen as one filesystem. Raises OSError, knows no guest.

Layers become file objects and entry lists (`objects`, `layers`), the layers of an image become one
index (`merge`, `tree`), and `Overlay` puts a journal of changes in front of an index (`journal`,
`state`). Not responsible for archives and registries, permissions or path resolution.
"""
