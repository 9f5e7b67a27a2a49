//! Each program in `fail` has mistakes, and the compiler's messages about them are in the file next
//! to it. `TRYBUILD=overwrite` writes these files. The programs are checked and not built.

#[test]
fn mistakes_have_helpful_messages() {
    trybuild::TestCases::new().compile_fail("fail/*.rs");
}
