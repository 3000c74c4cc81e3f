//! What `genCA` and its like give.

use std::any::Any;

use go_template::{Named, Object, Text, Type, Value};

/// sprig's `certificate`.
pub(crate) static CERTIFICATE: Named =
    Named { name: "sprig.certificate", underlying: Type::Struct, methods: &[], string: None };

/// A certificate and its private key, as PEM.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) cert: Text,
    pub(crate) key: Text,
}

impl Object for Certificate {
    fn ty(&self) -> Type {
        Type::Named(&CERTIFICATE)
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Cert" => Some(self.cert.clone().into()),
            "Key" => Some(self.key.clone().into()),
            _ => None,
        }
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![("Cert", self.cert.clone().into()), ("Key", self.key.clone().into())]
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
