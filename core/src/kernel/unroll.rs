//! Loops over the operands of a kernel, without a loop.

/// Runs a block for each number below a constant parameter:
/// `unroll!(k in N { lanes[k] = slices[k][i]; })`. From 8 on there is a loop.
///
/// The compiler unrolls a loop over operands too late to see that an index is within all of them.
/// Checks that remain make it end its loop over vectors with up to 64 single elements.
macro_rules! unroll {
    ($k:ident in $count:ident $body:block) => {
        $crate::kernel::unroll::unroll!(@ $k in $count $body 0 1 2 3 4 5 6 7)
    };
    (@ $k:ident in $count:ident $body:block $($number:literal)*) => {
        $(
            // A constant: what the compiler need not compute it drops early.
            if const { $number < $count } {
                let $k = $number;
                $body
            }
        )*
        if const { 8 < $count } {
            for $k in 8..$count $body
        }
    };
}
pub(crate) use unroll;
