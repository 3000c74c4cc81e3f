//! Certificates and private keys: fixed texts in the form of PEM, so that nothing is computed and nothing is random.

use std::net::IpAddr;

use go_template::{Error, Function, Functions, LIST, Type, Value};

use super::encoding::decode_base64;
use super::strval;
use crate::args::{arg, text};
use crate::objects::{CERTIFICATE, Certificate};

/// The text in a placeholder: "placeholder" over and over, in Base64.
const BODY: &str = "cGxhY2Vob2xkZXJwbGFjZWhvbGRlcnBsYWNlaG9sZGVycGxhY2Vob2xkZXI=";

pub(super) fn add(functions: &mut Functions) {
    const SI: &[Type] = &[Type::String, Type::Int];
    const SIS: &[Type] = &[Type::String, Type::Int, Type::String];
    const SELF: &[Type] = &[Type::String, LIST, LIST, Type::Int];
    const SELF_KEY: &[Type] = &[Type::String, LIST, LIST, Type::Int, Type::String];
    const SIGNED: &[Type] = &[Type::String, LIST, LIST, Type::Int, Type::Named(&CERTIFICATE)];
    const SIGNED_KEY: &[Type] = &[Type::String, LIST, LIST, Type::Int, Type::Named(&CERTIFICATE), Type::String];

    functions.add("genCA", Function::new(SI, |_, _| Ok(certificate(rsa_key()))));
    functions.add("genCAWithKey", Function::new(SIS, |_, args| with_key(args, 2)));
    functions.add(
        "genSelfSignedCert",
        Function::new(SELF, |context, args| {
            check_names(context, args)?;
            Ok(certificate(rsa_key()))
        }),
    );
    functions.add(
        "genSelfSignedCertWithKey",
        Function::new(SELF_KEY, |context, args| {
            check_names(context, args)?;
            with_key(args, 4)
        }),
    );
    functions.add(
        "genSignedCert",
        Function::new(SIGNED, |context, args| {
            check_signer(arg(args, 4))?;
            check_names(context, args)?;
            Ok(certificate(rsa_key()))
        }),
    );
    functions.add(
        "genSignedCertWithKey",
        Function::new(SIGNED_KEY, |context, args| {
            check_signer(arg(args, 4))?;
            check_names(context, args)?;
            with_key(args, 5)
        }),
    );
    functions.add(
        "buildCustomCert",
        Function::new(&[Type::String, Type::String], |_, args| {
            let decode = |index, what: &str| {
                decode_base64(text(args, index).as_bytes())
                    .map_err(|_| Error::new(format!("unable to decode base64 {what}")))
            };
            let (cert, key) = (decode(0, "certificate")?, decode(1, "private key")?);
            if pem_label(&cert).is_none() {
                return Err(Error::new("unable to decode certificate"));
            }
            check_key(&key).map_err(|error| Error::new(format!("error parsing private key: {error}")))?;
            Ok(Value::object(Certificate { cert: cert.into(), key: key.into() }))
        }),
    );
    functions.add(
        "genPrivateKey",
        Function::new(&[Type::String], |_, args| {
            let kind = text(args, 0).to_str().into_owned();
            Ok(match kind.as_str() {
                "" | "rsa" => rsa_key(),
                "dsa" => pem("DSA PRIVATE KEY"),
                "ecdsa" => pem("EC PRIVATE KEY"),
                "ed25519" => pem("PRIVATE KEY"),
                other => format!("Unknown type {other}"),
            }
            .into())
        }),
    );
}

fn pem(label: &str) -> String {
    format!("-----BEGIN {label}-----\n{BODY}\n-----END {label}-----\n")
}

fn rsa_key() -> String {
    pem("RSA PRIVATE KEY")
}

fn certificate(key: String) -> Value {
    Value::object(Certificate { cert: pem("CERTIFICATE").into(), key: key.into() })
}

fn with_key(args: &[Value], index: usize) -> Result<Value, Error> {
    let key = text(args, index);
    check_key(key.as_bytes()).map_err(|error| Error::new(format!("parsing private key: {error}")))?;
    Ok(certificate(key.to_string()))
}

/// The label of the first block of PEM in a text.
fn pem_label(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    rest.contains(&format!("-----END {label}-----")).then(|| label.to_owned())
}

fn check_key(bytes: &[u8]) -> Result<(), String> {
    let Some(label) = pem_label(bytes) else { return Err("no PEM data in input".into()) };
    match label.as_str() {
        "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" | "DSA PRIVATE KEY" => Ok(()),
        other => match other.strip_suffix(" PRIVATE KEY") {
            Some(kind) => Err(format!("invalid private key type {kind} PRIVATE KEY")),
            None => Err(format!("no private key data in PEM block of type {other}")),
        },
    }
}

fn check_signer(value: &Value) -> Result<(), Error> {
    let signer = value.as_object::<Certificate>().expect("the parameter is a certificate");
    if pem_label(signer.cert.as_bytes()).is_none() {
        return Err(Error::new("unable to decode certificate"));
    }
    check_key(signer.key.as_bytes()).map_err(|error| Error::new(format!("error parsing private key: {error}")))
}

/// Addresses and names have to be texts, and addresses have to be addresses.
fn check_names(context: &mut go_template::Context, args: &[Value]) -> Result<(), Error> {
    for address in arg(args, 1).to_items().unwrap_or_default() {
        let Value::String(text) = &address else {
            let shown = strval(&address, context)?;
            return Err(Error::new(format!("error parsing ip: {shown} is not a string")));
        };
        if text.to_str().parse::<IpAddr>().is_err() {
            return Err(Error::new(format!("error parsing ip: {text}")));
        }
    }
    for name in arg(args, 2).to_items().unwrap_or_default() {
        if !matches!(name, Value::String(_)) {
            let shown = strval(&name, context)?;
            return Err(Error::new(format!("error processing alternate dns name: {shown} is not a string")));
        }
    }
    Ok(())
}
