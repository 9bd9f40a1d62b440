//! Assertions that return an error, with both sides and what the contract says.

/// Fails unless both sides are equal; the rest is what the contract says about it.
#[macro_export]
macro_rules! same {
    ($left:expr, $right:expr, $($says:tt)+) => {
        match (&$left, &$right) {
            (left, right) => {
                if !(*left == *right) {
                    let says = format!($($says)+);
                    anyhow::bail!("expected {says}\n  seen:     {left:?}\n  expected: {right:?}");
                }
            }
        }
    };
}

/// Lists a module's cases: `"what the contract says" => function`.
macro_rules! cases {
    ($area:literal; $($says:literal => $run:ident),+ $(,)?) => {
        /// The cases of this area of the contract.
        pub(crate) fn cases() -> Vec<$crate::case::Case> {
            vec![$($crate::case::Case::new(concat!($area, "::", stringify!($run)), $says, |t| {
                Box::pin($run(t))
            })),+]
        }
    };
}
