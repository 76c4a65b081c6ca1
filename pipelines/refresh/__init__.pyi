# Publish a version in which observations count no more.
# Compare the files of a version with its manifest.
# Compare a version with the database, value by value.
from .against_source import verify_against_source as verify_against_source
from .forget import forget as forget
from .intact import verify_files as verify_files

# Do so, and leave a record that the service reads.
from .recorded import recorded_export as recorded_export

# Publish a new version of the lake from a database.
from .run import export as export

# What is to be struck, and why.
from .strikes import strike_on as strike_on
