//! Decimal numbers as shopspring's `decimal` computes with them, for `addf`, `mulf` and their like.

use go_template::Error;
use num_bigint::{BigInt, Sign};

/// Digits behind the point that a division gives.
const DIVISION_DIGITS: i64 = 16;

/// Numbers with more digits than these in all are not computed with: no float comes near, only long chains do.
const MAX_EXPONENT: i64 = 5_000;

/// `value * 10^exponent`
#[derive(Debug, Clone)]
pub(super) struct Decimal {
    value: BigInt,
    exponent: i64,
}

fn power(exponent: i64) -> BigInt {
    BigInt::from(10).pow(u32::try_from(exponent).expect("the exponent is bounded"))
}

impl Decimal {
    /// The shortest decimal number that is read as this float.
    pub(super) fn from_float(value: f64) -> Result<Self, Error> {
        if !value.is_finite() {
            return Err(Error::new(format!("Cannot create a Decimal from {}", crate::number::format_g(value))));
        }
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').expect("`{:e}` prints an exponent");
        let fraction = digits.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let digits: String = digits.chars().filter(|character| *character != '.').collect();
        let exponent: i64 = exponent.parse().expect("`{:e}` prints a whole exponent");
        Ok(Self {
            value: digits.parse().expect("these are digits"),
            exponent: exponent - i64::try_from(fraction).expect("few digits"),
        })
    }

    pub(super) fn to_float(&self) -> f64 {
        format!("{}e{}", self.value, self.exponent).parse().expect("this is how floats are written")
    }

    /// Both numbers with the smaller exponent.
    fn aligned(self, other: &Self) -> Result<(BigInt, BigInt, i64), Error> {
        let exponent = self.exponent.min(other.exponent);
        let (up, down) = (self.exponent - exponent, other.exponent - exponent);
        bounded(up.max(down))?;
        Ok((self.value * power(up), &other.value * power(down), exponent))
    }

    pub(super) fn add(self, other: &Self) -> Result<Self, Error> {
        let (a, b, exponent) = self.aligned(other)?;
        Ok(Self { value: a + b, exponent })
    }

    pub(super) fn sub(self, other: &Self) -> Result<Self, Error> {
        let (a, b, exponent) = self.aligned(other)?;
        Ok(Self { value: a - b, exponent })
    }

    pub(super) fn mul(self, other: &Self) -> Result<Self, Error> {
        let exponent = self.exponent + other.exponent;
        bounded(exponent)?;
        let value = self.value * &other.value;
        // Each digit takes more than three bits.
        bounded(i64::try_from(value.bits() / 4).unwrap_or(i64::MAX))?;
        Ok(Self { value, exponent })
    }

    /// Rounds half away from zero at the last digit.
    pub(super) fn div(self, other: &Self) -> Result<Self, Error> {
        if other.value.sign() == Sign::NoSign {
            return Err(Error::new("decimal division by 0"));
        }
        let shift = self.exponent - other.exponent + DIVISION_DIGITS;
        bounded(shift)?;
        let (top, bottom) = if shift >= 0 {
            (self.value * power(shift), other.value.clone())
        } else {
            (self.value, &other.value * power(-shift))
        };
        let mut quotient = &top / &bottom;
        let rest: BigInt = &top % &bottom;
        if (rest * 2_u8).magnitude() >= bottom.magnitude() {
            quotient += if (top.sign() == Sign::Minus) == (bottom.sign() == Sign::Minus) { 1 } else { -1 };
        }
        Ok(Self { value: quotient, exponent: -DIVISION_DIGITS })
    }
}

fn bounded(exponent: i64) -> Result<(), Error> {
    if exponent.abs() > MAX_EXPONENT {
        return Err(Error::limit("a decimal number has too many digits"));
    }
    Ok(())
}
