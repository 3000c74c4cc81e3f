//! ImageSetConfiguration and DeleteImageSetConfiguration: parse, validate, explain.
