use std::{borrow::Cow, fmt};

use pilotage_core::json::{Checked, RAW_VALUE_KEY};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Node, Scalar};

/// Reads one value: keeps what is wanted of it, checks the rest.
pub(super) struct Scan<'s, 'f, 'a> {
    pub(super) node: &'f Node,
    pub(super) values: &'s mut Vec<Option<Scalar<'a>>>,
}

impl<'a> Scan<'_, '_, 'a> {
    fn keep(self, scalar: Scalar<'a>) {
        if let Some(place) = self.node.slot.and_then(|slot| self.values.get_mut(slot)) {
            *place = Some(scalar);
        }
    }
}

/// Forgets what an earlier member of the same name had, however deep.
fn forget(node: &Node, values: &mut [Option<Scalar<'_>>]) {
    if let Some(place) = node.slot.and_then(|slot| values.get_mut(slot)) {
        *place = None;
    }
    let members = node.members.iter().map(|(_, node)| node);
    for inner in members.chain(node.items.iter().map(|(_, node)| node)) {
        forget(inner, values);
    }
}

impl<'a> DeserializeSeed<'a> for Scan<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Scan<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.keep(Scalar::Other);
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.keep(Scalar::Integer(number.into()));
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.keep(Scalar::Integer(number.into()));
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.keep(Scalar::Other);
        Ok(())
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<(), E> {
        self.keep(Scalar::Text(Cow::Borrowed(text)));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.keep(Scalar::Text(Cow::Owned(text.to_owned())));
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut items: A) -> Result<(), A::Error> {
        let mut index = 0_usize;
        loop {
            let wanted = self.node.items.iter().find(|(known, _)| *known == index);
            let more = match wanted {
                Some((_, node)) => items
                    .next_element_seed(Scan {
                        node,
                        values: &mut *self.values,
                    })?
                    .is_some(),
                None => items.next_element::<Checked>()?.is_some(),
            };
            if !more {
                return Ok(());
            }
            index = index.saturating_add(1);
        }
    }

    fn visit_map<A: MapAccess<'a>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(wanted) = entries.next_key_seed(Pick(&self.node.members))? {
            match wanted {
                Some(node) => {
                    forget(node, self.values);
                    entries.next_value_seed(Scan {
                        node,
                        values: &mut *self.values,
                    })?;
                }
                None => entries.next_value::<Checked>().map(|Checked| ())?,
            }
        }
        Ok(())
    }
}

/// Reads a key and picks the wanted member of that name, if it is wanted.
struct Pick<'f>(&'f [(String, Node)]);

impl<'f, 'a> DeserializeSeed<'a> for Pick<'f> {
    type Value = Option<&'f Node>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'f> Visitor<'_> for Pick<'f> {
    type Value = Option<&'f Node>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        if key == RAW_VALUE_KEY {
            return Err(E::custom("a key that is reserved"));
        }
        Ok(self.0.iter().find(|(name, _)| name == key).map(|(_, node)| node))
    }
}
