//! The attribute `test` of `eyas-testing`.
#![forbid(unsafe_code)]

use proc_macro::{TokenStream, TokenTree};

/// Registers a function without arguments as a test, like the built-in attribute of the same name.
#[proc_macro_attribute]
pub fn test(_: TokenStream, item: TokenStream) -> TokenStream {
    let mut tokens = item.clone().into_iter();
    let is_fn = |token: &TokenTree| matches!(token, TokenTree::Ident(ident) if ident.to_string() == "fn");
    let (Some(_), Some(TokenTree::Ident(name))) = (tokens.find(is_fn), tokens.next()) else {
        return "compile_error!(\"`test` goes on a function\");".parse().unwrap_or_default();
    };
    let registration = format!(
        "::eyas_testing::inventory::submit! {{
            ::eyas_testing::Test {{ name: concat!(module_path!(), \"::\", stringify!({name})), run: || {name}() }}
        }}"
    );
    item.into_iter().chain(registration.parse::<TokenStream>().unwrap_or_default()).collect()
}
