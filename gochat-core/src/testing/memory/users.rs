//! Accounts.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Memory, UserRow, count};
use crate::model::{ConversationId, PageLimit, PasswordHash, Role, User, UserId, UsernameKey, fold};
use crate::ports::{NewUser, Result, StoreError, UserPatch, UserStore};

#[async_trait]
impl UserStore for Memory {
    async fn create(&self, new: &NewUser) -> Result<()> {
        let mut state = self.lock();
        let key = new.user.name.key();
        let taken = state.users.contains_key(&new.user.id)
            || state.names.contains_key(&key)
            || new.external.as_ref().is_some_and(|e| state.externals.contains_key(e));
        if taken {
            return Err(StoreError::conflict("users.create"));
        }
        let id = new.user.id;
        state.names.insert(key, id);
        if let Some(external) = &new.external {
            state.externals.insert(external.clone(), id);
        }
        let row = UserRow { user: Arc::new(new.user.clone()), password: new.password.clone() };
        state.users.insert(id, row);
        let stamp = state.tick();
        if let Some(world) = state.rooms.get_mut(&ConversationId::WORLD) {
            world.join(id, Role::Member, stamp);
        }
        Ok(())
    }

    async fn by_ids(&self, ids: &[UserId]) -> Result<Vec<Option<Arc<User>>>> {
        let state = self.lock();
        Ok(ids.iter().map(|id| state.users.get(id).map(|row| row.user.clone())).collect())
    }

    async fn by_name(&self, key: &UsernameKey) -> Result<Option<Arc<User>>> {
        let state = self.lock();
        Ok(state.names.get(key).and_then(|id| state.users.get(id)).map(|row| row.user.clone()))
    }

    async fn by_external(&self, external: &str) -> Result<Option<Arc<User>>> {
        let state = self.lock();
        Ok(state.externals.get(external).and_then(|id| state.users.get(id)).map(|row| row.user.clone()))
    }

    async fn password(&self, user: UserId) -> Result<Option<PasswordHash>> {
        Ok(self.lock().users.get(&user).and_then(|row| row.password.clone()))
    }

    async fn update(&self, user: UserId, patch: &UserPatch) -> Result<Arc<User>> {
        let mut state = self.lock();
        let row = state.users.get_mut(&user).ok_or(StoreError::not_found("users.update"))?;
        let mut changed = User::clone(&row.user);
        if let Some(nickname) = &patch.nickname {
            changed.nickname.clone_from(nickname);
        }
        if let Some(avatar) = &patch.avatar {
            changed.avatar = avatar.clone();
        }
        if let Some(password) = &patch.password {
            row.password = Some(password.clone());
        }
        row.user = Arc::new(changed);
        Ok(row.user.clone())
    }

    async fn search(&self, prefix: &str, viewer: UserId, limit: PageLimit) -> Result<Vec<Arc<User>>> {
        let prefix = fold(prefix);
        let state = self.lock();
        let fits = |user: &User| {
            !user.guest
                && user.id != viewer
                && (user.name.key().as_str().starts_with(&prefix)
                    || user.nickname.as_ref().is_some_and(|n| fold(n).starts_with(&prefix)))
        };
        // `names` is in order of the folded name.
        let users = state.names.values().filter_map(|id| state.users.get(id)).map(|row| &row.user);
        Ok(users.filter(|user| fits(user)).take(count(limit)).cloned().collect())
    }
}
