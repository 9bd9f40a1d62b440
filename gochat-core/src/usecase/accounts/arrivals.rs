//! Users without a password: guests, and those that an embedding program brings along.

use std::sync::Arc;

use super::Accounts;
use crate::Error;
use crate::model::{User, Username};
use crate::ports::{ErrorKind, NewUser, Ports};
use crate::rules::{fields, names};

/// Digits that each further try appends to a name that is taken.
const TRIES: [usize; 4] = [4, 4, 6, 8];

impl Accounts {
    /// Makes a guest, by the name it wants if it wants one.
    pub(super) async fn new_guest(&self, name: &str) -> Result<Arc<User>, Error> {
        let wanted = if name.trim().is_empty() {
            let mut random = [0; 6];
            self.cx.ports.secrets.fill(&mut random);
            names::of_guest(random)
        } else {
            Username::new(name).map_err(|fault| Error::field("guestName", fault))?
        };
        for candidate in self.candidates(&wanted) {
            if let Some(user) = self.create(candidate, None).await? {
                return Ok(user);
            }
        }
        Err(Error::UsernameTaken)
    }

    /// The user of an embedding program, made on first sight. Several may ask for one at the same moment.
    pub(super) async fn adopted(&self, external: &str, name: &str) -> Result<Arc<User>, Error> {
        let external = fields::external(external).map_err(|fault| Error::field("externalId", fault))?;
        let Ports { users, .. } = &self.cx.ports;
        if let Some(user) = users.by_external(external).await? {
            return Ok(user);
        }
        let wanted = Username::new(name).map_err(|fault| Error::field("username", fault))?;
        for candidate in self.candidates(&wanted) {
            if let Some(user) = self.create(candidate, Some(external)).await? {
                return Ok(user);
            }
            // Either the name is taken, or somebody else has just made this very user.
            if let Some(user) = users.by_external(external).await? {
                return Ok(user);
            }
        }
        Err(Error::UsernameTaken)
    }

    /// The name itself, then with random digits.
    fn candidates(&self, wanted: &Username) -> impl Iterator<Item = Username> + use<> {
        let secrets = Arc::clone(&self.cx.ports.secrets);
        let stem = wanted.clone();
        let more = TRIES.into_iter().filter_map(move |digits| {
            let mut random = [0; 4];
            secrets.fill(&mut random);
            names::with_digits(&stem, u32::from_le_bytes(random), digits)
        });
        std::iter::once(wanted.clone()).chain(more)
    }

    /// `None` when something unique of it is taken.
    async fn create(&self, name: Username, external: Option<&str>) -> Result<Option<Arc<User>>, Error> {
        let user = User {
            id: self.cx.new_user(),
            name,
            nickname: None,
            avatar: "".into(),
            guest: external.is_none(),
            created_at: self.cx.now(),
        };
        let new = NewUser { user, password: None, external: external.map(Into::into) };
        match self.cx.ports.users.create(&new).await {
            Ok(()) => Ok(Some(Arc::new(new.user))),
            Err(e) if e.kind() == ErrorKind::Conflict => Ok(None),
            Err(e) => Err(e.into()),
        }
    }
}
