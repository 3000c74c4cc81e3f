//! For tests only: an in-process registry with faults, real registry processes, and a maker of images and catalogs.
