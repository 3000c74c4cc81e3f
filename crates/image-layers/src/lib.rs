//! Layers of images, read within bounds, and the configuration around them.
//!
//! Whoever made an image decides what is in its layers: how large they unpack, how many entries they have, how long the
//! names are. [`bounded_tar`] reads layers within limits, [`overlay`] knows what upper layers hide of lower ones, and
//! [`image_json`] changes the configuration of an image that gets a layer more, whatever stands in it.
//!
//! ```
//! use image_layers::overlay::Overlay;
//!
//! let mut upper = Overlay::default();
//! assert!(upper.mark("configs/.wh.old.yaml"));
//! assert!(upper.hides("configs/old.yaml") && !upper.hides("configs/new.yaml"));
//! ```

// What is read here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

pub mod bounded_tar;
pub mod image_json;
pub mod overlay;
