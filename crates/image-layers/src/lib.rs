//! Layers of images, read within bounds, and the configuration around them.
//!
//! Whoever made an image decides what is in its layers: how large they unpack, how many entries they have, how long the
//! names are. [`bounded_tar`] reads a layer within limits; [`image_json`] changes the configuration of an image that gets a
//! layer more, whatever stands in it.

// What is read here was written by others: a wrong number must be an error, not the end of the program.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

pub mod bounded_tar;
pub mod image_json;
