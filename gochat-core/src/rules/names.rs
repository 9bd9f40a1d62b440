//! Names for those who bring none, or one that is taken.

use crate::model::Username;

/// The name with digits appended, cut so that it keeps to the longest length. `None` where the cut name is no name.
///
/// ```
/// use gochat_core::model::Username;
/// use gochat_core::rules::names::with_digits;
///
/// let taken = Username::new("a-very-long-username")?;
/// assert_eq!(with_digits(&taken, 42, 4).expect("a name").as_str(), "a-very-long-user0042");
/// # Ok::<(), gochat_core::error::Fault>(())
/// ```
#[must_use]
pub fn with_digits(name: &Username, number: u32, digits: usize) -> Option<Username> {
    let number = u64::from(number) % 10u64.checked_pow(u32::try_from(digits).ok()?)?;
    let stem: String = name.as_str().chars().take(Username::MAX.checked_sub(digits)?).collect();
    Username::new(&format!("{stem}{number:0digits$}")).ok()
}

/// A name for a guest who brings none, made of random bytes.
#[must_use]
pub fn of_guest(random: [u8; 6]) -> Username {
    // 32 letters and digits that nobody mixes up.
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let tail: String = random.iter().map(|b| char::from(ALPHABET[usize::from(b % 32)])).collect();
    Username::from_stored(&format!("guest-{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn digits_fit_whatever_the_script() {
        for (name, number, digits, want) in [
            ("bob", 7, 4, "bob0007"),
            ("bob", 123_456_789, 4, "bob6789"),
            ("界界界界界界界界界界界界界界界界界界界界", 1, 6, "界界界界界界界界界界界界界界000001"),
        ] {
            let name = Username::new(name).expect("a name");
            assert_eq!(with_digits(&name, number, digits).expect("a name").as_str(), want);
        }
        assert_eq!(with_digits(&Username::from_stored("bob"), 1, 21), None);
    }

    proptest! {
        #[test]
        fn a_chosen_name_keeps_the_rules(random: [u8; 6]) {
            let name = of_guest(random);
            prop_assert_eq!(Username::new(name.as_str()), Ok(name));
        }

        #[test]
        fn what_is_appended_keeps_the_rules(name in "\\PC{3,20}", number: u32, digits in 1usize..9) {
            if let Ok(name) = Username::new(&name) && let Some(longer) = with_digits(&name, number, digits) {
                prop_assert!(longer.as_str().chars().count() <= Username::MAX);
            }
        }
    }
}
