//! File-based catalogs: read, select, write.
