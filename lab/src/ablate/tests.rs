use super::*;

#[test]
fn only_positive_numbers_are_times() {
    assert_eq!(positive("1.5"), Ok(1.5));
    for wrong in ["0", "-1", "inf", "NaN", "two"] {
        assert!(positive(wrong).is_err(), "{wrong}");
    }
}
