//! Numbers that make no sense, and headers that cannot be sent, are refused where they are read, by name.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::marker::PhantomData;
use std::ops::RangeInclusive;

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::de::value::MapDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// A number, which JSON writes as null when it is not finite.
#[derive(Clone, Copy)]
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Option::deserialize(deserializer)?.unwrap_or(f64::NAN)))
    }
}

fn within<E: Error, T: PartialOrd + Display>(
    name: &str,
    number: T,
    bounds: RangeInclusive<T>,
) -> Result<T, E> {
    if bounds.contains(&number) {
        return Ok(number);
    }
    let (least, most) = bounds.into_inner();
    Err(E::custom(format!("`{name}` must be from {least} to {most}, not {number}")))
}

/// A finite number that is at least 0.
fn amount<E: Error>(name: &str, number: f64) -> Result<f64, E> {
    if number >= 0.0 && number.is_finite() {
        return Ok(number);
    }
    Err(E::custom(format!("`{name}` must be finite and at least 0, not {number}")))
}

fn positive<E: Error>(name: &str, number: f64) -> Result<f64, E> {
    if number > 0.0 && number.is_finite() {
        return Ok(number);
    }
    Err(E::custom(format!("`{name}` must be finite and greater than 0, not {number}")))
}

/// `certificates`.
pub(super) fn certificates<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let certificates = Vec::<String>::deserialize(deserializer)?;
    for (at, pem) in certificates.iter().enumerate() {
        CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|error| {
            Error::custom(format!("`certificates` must be certificates in PEM, and {at} is none: {error}"))
        })?;
    }
    Ok(certificates)
}

/// Readers of whole numbers, each of a field and of what it can be.
macro_rules! whole {
    ($($reader:ident: $number:ty = $name:literal, $bounds:expr;)*) => {$(
        #[doc = concat!("`", $name, "`.")]
        pub(super) fn $reader<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$number, D::Error> {
            let number = within($name, i64::deserialize(deserializer)?, $bounds)?;
            <$number>::try_from(number).map_err(Error::custom)
        }
    )*};
}

/// What a final answer can have.
const FINAL: RangeInclusive<i64> = 200..=599;

/// What a refusal can have.
const REFUSAL: RangeInclusive<i64> = 400..=599;

/// At least one.
const SOME: RangeInclusive<i64> = 1..=u32::MAX as i64;

whole! {
    status: u16 = "status", FINAL;
    asset_path_status: u16 = "assetPathStatus", REFUSAL;
    asset_fixed_field_status: u16 = "assetFixedFieldStatus", REFUSAL;
    publish_conflict_status: u16 = "publishConflictStatus", REFUSAL;
    delete_with_traffic_status: u16 = "deleteWithTrafficStatus", REFUSAL;
    busy_status: u16 = "busyStatus", REFUSAL;
    page_size: usize = "pageSize", SOME;
    token_lifetime: u32 = "tokenLifetime", SOME;
}

/// `probability`.
pub(super) fn probability<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    within("probability", Number::deserialize(deserializer)?.0, 0.0..=1.0)
}

/// `errorRate`.
pub(super) fn error_rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    within("errorRate", Number::deserialize(deserializer)?.0, 0.0..=1.0)
}

/// `scale` of time.
pub(super) fn scale<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    positive("scale", Number::deserialize(deserializer)?.0)
}

/// The same, or none.
pub(super) fn other_scale<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Option::deserialize(deserializer)?.map(|number| positive("scale", number)).transpose()
}

/// `seconds`, or none.
pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Option::deserialize(deserializer)?.map(|number| amount("seconds", number)).transpose()
}

/// `operationRetention`.
pub(super) fn operation_retention<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    amount("operationRetention", Number::deserialize(deserializer)?.0)
}

/// `listLag`.
pub(super) fn list_lag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    amount("listLag", Number::deserialize(deserializer)?.0)
}

/// `metricsDelay`.
pub(super) fn metrics_delay<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    amount("metricsDelay", Number::deserialize(deserializer)?.0)
}

/// A thing whose fields are all amounts, each refused by its own name.
pub(super) fn amounts<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    struct Amounts<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Amounts<T> {
        type Value = T;

        fn expecting(&self, to: &mut fmt::Formatter) -> fmt::Result {
            to.write_str("an object of numbers")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut fields: M) -> Result<T, M::Error> {
            let mut read = Vec::new();
            while let Some((name, Number(number))) = fields.next_entry::<String, Number>()? {
                read.push((name.clone(), amount(&name, number)?));
            }
            T::deserialize(MapDeserializer::new(read.into_iter()))
        }
    }

    deserializer.deserialize_map(Amounts(PhantomData))
}

/// What tells where a body ends. Another one than the body has breaks the connection.
const OF_THE_BODY: [HeaderName; 2] = [CONTENT_LENGTH, TRANSFER_ENCODING];

/// `headers`: by names that headers can have, each once in whatever case, and with values that they can have.
pub(super) fn headers<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let headers = BTreeMap::<String, String>::deserialize(deserializer)?;
    let mut seen = BTreeMap::new();
    for (name, value) in &headers {
        let Ok(header) = HeaderName::try_from(name) else {
            return Err(D::Error::custom(format!("`headers` cannot have one named {name:?}")));
        };
        if OF_THE_BODY.contains(&header) {
            return Err(D::Error::custom(format!(
                "`headers` cannot have `{name}`, which follows from the body"
            )));
        }
        if let Some(before) = seen.insert(header.as_str().to_owned(), name) {
            return Err(D::Error::custom(format!("`headers` cannot have both `{before}` and `{name}`")));
        }
        if HeaderValue::try_from(value).is_err() {
            return Err(D::Error::custom(format!("`{name}` of `headers` cannot be {value:?}")));
        }
    }
    Ok(headers)
}

/// `contentType`: a value that a header can have.
pub(super) fn content_type<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let value = String::deserialize(deserializer)?;
    match HeaderValue::try_from(&value) {
        Ok(_) => Ok(value),
        Err(_) => Err(D::Error::custom(format!("`contentType` cannot be {value:?}"))),
    }
}
