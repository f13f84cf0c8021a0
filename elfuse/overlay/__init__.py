"""Read-only image trees and one writable upper seen as one filesystem. Raises OSError, knows no guest."""
