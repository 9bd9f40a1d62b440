//! The two languages in which people are spoken to.

use std::borrow::Cow;

use gochat_core::error::{Code, Fault};

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Lang {
    /// Chinese.
    #[default]
    Zh,
    /// English.
    En,
}

impl Lang {
    /// By the value of `Accept-Language`: Chinese where it is absent or begins with `zh`, else English.
    #[must_use]
    pub fn of(accept_language: Option<&str>) -> Self {
        match accept_language.map(str::trim_start) {
            None | Some("") => Self::Zh,
            Some(value) => match value.get(..2) {
                Some(start) if start.eq_ignore_ascii_case("zh") => Self::Zh,
                _ => Self::En,
            },
        }
    }

    const fn pick(self, zh: &'static str, en: &'static str) -> &'static str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }

    /// What a code means.
    #[must_use]
    pub fn code(self, code: Code) -> &'static str {
        let (zh, en) = match code {
            Code::BadRequest => ("请求格式不正确", "The request can't be understood."),
            Code::Validation => ("请求参数不正确", "Some fields are not allowed as they are."),
            Code::Unauthenticated => ("请先登录", "Please log in."),
            Code::BadCredentials => ("用户名或密码错误", "Wrong username or password."),
            Code::TokenExpired => ("登录已过期，请重新登录", "Your login has expired; please log in again."),
            Code::Forbidden => ("没有权限", "You may not do this."),
            Code::GuestForbidden => ("游客不能进行此操作", "Guests can't do this."),
            Code::NotAMember => ("该用户不是群成员", "This user is not a member of the group."),
            Code::Blocked => ("对方与你之间存在屏蔽", "One of you has blocked the other."),
            Code::Muted => ("你已被禁言", "You are muted here."),
            Code::UserNotFound => ("用户不存在", "There is no such user."),
            Code::ConversationNotFound => ("会话不存在", "There is no such conversation."),
            Code::MessageNotFound => ("消息不存在", "There is no such message."),
            Code::GroupNotFound => ("群组不存在", "There is no such group."),
            Code::NotFound => ("请求的资源不存在", "There is nothing here."),
            Code::MethodNotAllowed => ("不支持的请求方法", "This method is not supported here."),
            Code::UnsupportedMediaType => ("不支持的内容类型", "Please send JSON."),
            Code::UsernameTaken => ("用户名已被占用", "This username is taken."),
            Code::Conflict => ("当前状态不允许此操作", "This is not possible as things stand."),
            Code::RecallExpired => ("已超过可撤回的时间", "It is too late to recall this message."),
            Code::TooLarge => ("内容过大", "This is too large."),
            Code::RateLimited => ("操作过于频繁，请稍后再试", "Too many requests; please try again later."),
            Code::Unavailable => {
                ("服务暂时不可用，请稍后再试", "Unavailable for the moment; please try again.")
            }
            Code::Timeout => {
                ("处理超时，请稍后确认结果", "This took too long; it may or may not have happened.")
            }
            // A code that this table does not know is a fault of ours too.
            _ => ("服务器内部错误", "Something went wrong on our side."),
        };
        self.pick(zh, en)
    }

    /// What is wrong with a field.
    #[must_use]
    pub fn fault(self, fault: Fault) -> Cow<'static, str> {
        let (zh, en) = match fault {
            Fault::TooShort { min } => {
                return match self {
                    Self::Zh => format!("长度不能少于 {min}").into(),
                    Self::En => format!("must not be shorter than {min}").into(),
                };
            }
            Fault::TooLong { max } => {
                return match self {
                    Self::Zh => format!("长度不能超过 {max}").into(),
                    Self::En => format!("must not be longer than {max}").into(),
                };
            }
            Fault::Missing => ("不能为空", "must not be empty"),
            Fault::Malformed => ("格式不正确", "is not well-formed"),
            Fault::Reserved => ("是保留词", "is a reserved word"),
            Fault::Unknown => ("不是已知的取值", "is not a known value"),
            Fault::Contradictory => ("与其他参数矛盾", "contradicts another field"),
            Fault::Oneself => ("不能是自己", "must not be yourself"),
            Fault::WrongPassword => ("原密码不正确", "is not your password"),
            _ => ("不正确", "is not allowed"),
        };
        self.pick(zh, en).into()
    }

    /// That the server restarts, and the client may come back.
    #[must_use]
    pub const fn restart(self) -> &'static str {
        self.pick("服务器正在重启，请稍后重新连接", "The server restarts; please reconnect shortly.")
    }

    /// That something was done.
    #[must_use]
    pub const fn done(self, done: Done) -> &'static str {
        let (zh, en) = match done {
            Done::Ok => ("成功", "OK"),
            Done::Registered => ("注册成功", "Registered."),
            Done::LoggedIn => ("登录成功", "Logged in."),
            Done::LoggedOut => ("已退出登录", "Logged out."),
            Done::Saved => ("已保存", "Saved."),
            Done::Befriended => ("已添加好友", "You are friends now."),
            Done::Created => ("创建成功", "Created."),
            Done::Sent => ("发送成功", "Sent."),
            Done::Accepted => ("已接收，正在保存", "Accepted; still being stored."),
            Done::Recalled => ("消息已撤回", "Recalled."),
        };
        self.pick(zh, en)
    }
}

/// Something that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is what its name says")]
pub enum Done {
    Ok,
    Registered,
    LoggedIn,
    LoggedOut,
    Saved,
    Befriended,
    Created,
    Sent,
    Accepted,
    Recalled,
}

/// The name of a fault, for programs.
#[must_use]
pub const fn fault_name(fault: Fault) -> &'static str {
    match fault {
        Fault::Missing => "MISSING",
        Fault::TooShort { .. } => "TOO_SHORT",
        Fault::TooLong { .. } => "TOO_LONG",
        Fault::Reserved => "RESERVED",
        Fault::Unknown => "UNKNOWN",
        Fault::Contradictory => "CONTRADICTORY",
        Fault::Oneself => "ONESELF",
        Fault::WrongPassword => "WRONG_PASSWORD",
        _ => "MALFORMED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_unless_something_else_comes_first() {
        for zh in [None, Some(""), Some("zh"), Some("zh-CN,zh;q=0.9,en;q=0.8"), Some("ZH-Hant"), Some(" zh")]
        {
            assert_eq!(Lang::of(zh), Lang::Zh, "{zh:?}");
        }
        for en in ["en", "en-US,zh;q=0.9", "fr", "*", "z", "中文"] {
            assert_eq!(Lang::of(Some(en)), Lang::En, "{en:?}");
        }
    }

    #[test]
    fn every_code_has_its_own_text_in_both() {
        for lang in [Lang::Zh, Lang::En] {
            let texts: std::collections::HashSet<_> = Code::ALL.iter().map(|c| lang.code(*c)).collect();
            assert_eq!(texts.len(), Code::ALL.len(), "{lang:?}");
        }
        assert!(Code::ALL.iter().all(|c| Lang::Zh.code(*c) != Lang::En.code(*c)));
    }
}
