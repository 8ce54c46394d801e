;; The arithmetic that takes the engine's time, with SIMD: matrix products, the recurrent cells, and
;; exponentials. kernels.js calls it; plain_kernels.js has the same functions without WebAssembly.
;;
;; Build it with `make wasm`, which runs
;;
;;     wat2wasm kernels.wat -o kernels.wasm          (Debian: apt-get install wabt)
;;
;; All numbers are float32, and all pointers and strides are in bytes. A matrix of weights is stored
;; in panels of 32 columns: of each panel, first the 32 numbers of the first row, then those of the
;; second row, and so on. So a product reads its weights in the order in which they are stored.
(module
  (import "textgen" "memory" (memory 1))

  ;; Computes for each row r: out[r] = start[r] + input[r] * weights.
  ;;
  ;; A stride of 0 takes the same start for every row. `out` and `start` may be the same.
  (func (export "multiply")
    (param $out i32) (param $out_stride i32) (param $start i32) (param $start_stride i32)
    (param $input i32) (param $input_stride i32) (param $weights i32)
    (param $rows i32) (param $depth i32) (param $panels i32)
    (local $left i32) (local $row_out i32) (local $row_start i32) (local $row_input i32)
    (loop $next_panel
      (local.set $left (local.get $rows))
      (local.set $row_out (local.get $out))
      (local.set $row_start (local.get $start))
      (local.set $row_input (local.get $input))
      ;; Four rows at a time share what is loaded of the weights.
      (block $few_left
        (loop $next_rows
          (br_if $few_left (i32.lt_s (local.get $left) (i32.const 4)))
          (call $multiply_4_rows
            (local.get $row_out) (local.get $out_stride)
            (local.get $row_start) (local.get $start_stride)
            (local.get $row_input) (local.get $input_stride)
            (local.get $weights) (local.get $depth))
          (local.set $row_out
            (i32.add (local.get $row_out) (i32.shl (local.get $out_stride) (i32.const 2))))
          (local.set $row_start
            (i32.add (local.get $row_start) (i32.shl (local.get $start_stride) (i32.const 2))))
          (local.set $row_input
            (i32.add (local.get $row_input) (i32.shl (local.get $input_stride) (i32.const 2))))
          (local.set $left (i32.sub (local.get $left) (i32.const 4)))
          (br $next_rows)))
      (block $none_left
        (loop $next_row
          (br_if $none_left (i32.eqz (local.get $left)))
          (call $multiply_row
            (local.get $row_out) (local.get $row_start) (local.get $row_input)
            (local.get $weights) (local.get $depth))
          (local.set $row_out (i32.add (local.get $row_out) (local.get $out_stride)))
          (local.set $row_start (i32.add (local.get $row_start) (local.get $start_stride)))
          (local.set $row_input (i32.add (local.get $row_input) (local.get $input_stride)))
          (local.set $left (i32.sub (local.get $left) (i32.const 1)))
          (br $next_row)))
      (local.set $out (i32.add (local.get $out) (i32.const 128)))
      (local.set $start (i32.add (local.get $start) (i32.const 128)))
      (local.set $weights (i32.add (local.get $weights) (i32.shl (local.get $depth) (i32.const 7))))
      (br_if $next_panel
        (local.tee $panels (i32.sub (local.get $panels) (i32.const 1))))))

  ;; One row times one panel: eight sums of four columns each, enough to hide how long an addition
  ;; takes.
  (func $multiply_row
    (param $out i32) (param $start i32) (param $input i32) (param $weights i32) (param $depth i32)
    (local $end i32) (local $x v128)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local $e v128) (local $f v128) (local $g v128) (local $h v128)
    (local.set $end (i32.add (local.get $input) (i32.shl (local.get $depth) (i32.const 2))))
    (local.set $a (v128.load offset=0 (local.get $start)))
    (local.set $b (v128.load offset=16 (local.get $start)))
    (local.set $c (v128.load offset=32 (local.get $start)))
    (local.set $d (v128.load offset=48 (local.get $start)))
    (local.set $e (v128.load offset=64 (local.get $start)))
    (local.set $f (v128.load offset=80 (local.get $start)))
    (local.set $g (v128.load offset=96 (local.get $start)))
    (local.set $h (v128.load offset=112 (local.get $start)))
    (loop $next
      (local.set $x (v128.load32_splat (local.get $input)))
      (local.set $a (f32x4.add (local.get $a)
        (f32x4.mul (local.get $x) (v128.load offset=0 (local.get $weights)))))
      (local.set $b (f32x4.add (local.get $b)
        (f32x4.mul (local.get $x) (v128.load offset=16 (local.get $weights)))))
      (local.set $c (f32x4.add (local.get $c)
        (f32x4.mul (local.get $x) (v128.load offset=32 (local.get $weights)))))
      (local.set $d (f32x4.add (local.get $d)
        (f32x4.mul (local.get $x) (v128.load offset=48 (local.get $weights)))))
      (local.set $e (f32x4.add (local.get $e)
        (f32x4.mul (local.get $x) (v128.load offset=64 (local.get $weights)))))
      (local.set $f (f32x4.add (local.get $f)
        (f32x4.mul (local.get $x) (v128.load offset=80 (local.get $weights)))))
      (local.set $g (f32x4.add (local.get $g)
        (f32x4.mul (local.get $x) (v128.load offset=96 (local.get $weights)))))
      (local.set $h (f32x4.add (local.get $h)
        (f32x4.mul (local.get $x) (v128.load offset=112 (local.get $weights)))))
      (local.set $weights (i32.add (local.get $weights) (i32.const 128)))
      (local.set $input (i32.add (local.get $input) (i32.const 4)))
      (br_if $next (i32.lt_u (local.get $input) (local.get $end))))
    (v128.store offset=0 (local.get $out) (local.get $a))
    (v128.store offset=16 (local.get $out) (local.get $b))
    (v128.store offset=32 (local.get $out) (local.get $c))
    (v128.store offset=48 (local.get $out) (local.get $d))
    (v128.store offset=64 (local.get $out) (local.get $e))
    (v128.store offset=80 (local.get $out) (local.get $f))
    (v128.store offset=96 (local.get $out) (local.get $g))
    (v128.store offset=112 (local.get $out) (local.get $h)))

  ;; Four rows times one panel, which stays in the cache: eight of its columns after the other.
  (func $multiply_4_rows
    (param $out i32) (param $out_stride i32) (param $start i32) (param $start_stride i32)
    (param $input i32) (param $input_stride i32) (param $weights i32) (param $depth i32)
    (local $columns i32) (local $w i32) (local $end i32)
    (local $in_0 i32) (local $in_1 i32) (local $in_2 i32) (local $in_3 i32)
    (local $at i32) (local $x v128) (local $left v128) (local $right v128)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local $e v128) (local $f v128) (local $g v128) (local $h v128)
    (local.set $end (i32.add (local.get $input) (i32.shl (local.get $depth) (i32.const 2))))
    (local.set $columns (i32.const 4))
    (loop $next_columns
      (local.set $at (local.get $start))
      (local.set $a (v128.load offset=0 (local.get $at)))
      (local.set $b (v128.load offset=16 (local.get $at)))
      (local.set $at (i32.add (local.get $at) (local.get $start_stride)))
      (local.set $c (v128.load offset=0 (local.get $at)))
      (local.set $d (v128.load offset=16 (local.get $at)))
      (local.set $at (i32.add (local.get $at) (local.get $start_stride)))
      (local.set $e (v128.load offset=0 (local.get $at)))
      (local.set $f (v128.load offset=16 (local.get $at)))
      (local.set $at (i32.add (local.get $at) (local.get $start_stride)))
      (local.set $g (v128.load offset=0 (local.get $at)))
      (local.set $h (v128.load offset=16 (local.get $at)))
      (local.set $w (local.get $weights))
      (local.set $in_0 (local.get $input))
      (local.set $in_1 (i32.add (local.get $in_0) (local.get $input_stride)))
      (local.set $in_2 (i32.add (local.get $in_1) (local.get $input_stride)))
      (local.set $in_3 (i32.add (local.get $in_2) (local.get $input_stride)))
      (loop $next
        (local.set $left (v128.load offset=0 (local.get $w)))
        (local.set $right (v128.load offset=16 (local.get $w)))
        (local.set $x (v128.load32_splat (local.get $in_0)))
        (local.set $a (f32x4.add (local.get $a) (f32x4.mul (local.get $x) (local.get $left))))
        (local.set $b (f32x4.add (local.get $b) (f32x4.mul (local.get $x) (local.get $right))))
        (local.set $x (v128.load32_splat (local.get $in_1)))
        (local.set $c (f32x4.add (local.get $c) (f32x4.mul (local.get $x) (local.get $left))))
        (local.set $d (f32x4.add (local.get $d) (f32x4.mul (local.get $x) (local.get $right))))
        (local.set $x (v128.load32_splat (local.get $in_2)))
        (local.set $e (f32x4.add (local.get $e) (f32x4.mul (local.get $x) (local.get $left))))
        (local.set $f (f32x4.add (local.get $f) (f32x4.mul (local.get $x) (local.get $right))))
        (local.set $x (v128.load32_splat (local.get $in_3)))
        (local.set $g (f32x4.add (local.get $g) (f32x4.mul (local.get $x) (local.get $left))))
        (local.set $h (f32x4.add (local.get $h) (f32x4.mul (local.get $x) (local.get $right))))
        (local.set $w (i32.add (local.get $w) (i32.const 128)))
        (local.set $in_1 (i32.add (local.get $in_1) (i32.const 4)))
        (local.set $in_2 (i32.add (local.get $in_2) (i32.const 4)))
        (local.set $in_3 (i32.add (local.get $in_3) (i32.const 4)))
        (local.set $in_0 (i32.add (local.get $in_0) (i32.const 4)))
        (br_if $next (i32.lt_u (local.get $in_0) (local.get $end))))
      (local.set $at (local.get $out))
      (v128.store offset=0 (local.get $at) (local.get $a))
      (v128.store offset=16 (local.get $at) (local.get $b))
      (local.set $at (i32.add (local.get $at) (local.get $out_stride)))
      (v128.store offset=0 (local.get $at) (local.get $c))
      (v128.store offset=16 (local.get $at) (local.get $d))
      (local.set $at (i32.add (local.get $at) (local.get $out_stride)))
      (v128.store offset=0 (local.get $at) (local.get $e))
      (v128.store offset=16 (local.get $at) (local.get $f))
      (local.set $at (i32.add (local.get $at) (local.get $out_stride)))
      (v128.store offset=0 (local.get $at) (local.get $g))
      (v128.store offset=16 (local.get $at) (local.get $h))
      (local.set $out (i32.add (local.get $out) (i32.const 32)))
      (local.set $start (i32.add (local.get $start) (i32.const 32)))
      (local.set $weights (i32.add (local.get $weights) (i32.const 32)))
      (br_if $next_columns
        (local.tee $columns (i32.sub (local.get $columns) (i32.const 1))))))

  ;; A step of an LSTM: c = f c + i g and h = o tanh(c). `gates` has, side by side, the sums of the
  ;; gates i, f, g and o; `units` is a multiple of 4.
  (func (export "lstm") (param $gates i32) (param $c i32) (param $h i32) (param $units i32)
    (local $f i32) (local $g i32) (local $o i32) (local $end i32) (local $stride i32)
    (local $cell v128)
    (local.set $stride (i32.shl (local.get $units) (i32.const 2)))
    (local.set $f (i32.add (local.get $gates) (local.get $stride)))
    (local.set $g (i32.add (local.get $f) (local.get $stride)))
    (local.set $o (i32.add (local.get $g) (local.get $stride)))
    (local.set $end (local.get $f))
    (loop $next
      (local.set $cell (f32x4.add
        (f32x4.mul (call $sigmoid (v128.load (local.get $f))) (v128.load (local.get $c)))
        (f32x4.mul
          (call $sigmoid (v128.load (local.get $gates)))
          (call $tanh (v128.load (local.get $g))))))
      (v128.store (local.get $c) (local.get $cell))
      (v128.store (local.get $h) (f32x4.mul
        (call $sigmoid (v128.load (local.get $o)))
        (call $tanh (local.get $cell))))
      (local.set $f (i32.add (local.get $f) (i32.const 16)))
      (local.set $g (i32.add (local.get $g) (i32.const 16)))
      (local.set $o (i32.add (local.get $o) (i32.const 16)))
      (local.set $c (i32.add (local.get $c) (i32.const 16)))
      (local.set $h (i32.add (local.get $h) (i32.const 16)))
      (local.set $gates (i32.add (local.get $gates) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $gates) (local.get $end)))))

  ;; A step of a GRU: h = n + z (h - n) with n = tanh(x_n + r inner_n). `x` has the sums of the
  ;; gates z, r and n that come from below, and `inner` those that come from h.
  (func (export "gru") (param $x i32) (param $inner i32) (param $h i32) (param $units i32)
    (local $stride i32) (local $twice i32) (local $end i32) (local $r v128) (local $n v128)
    (local.set $stride (i32.shl (local.get $units) (i32.const 2)))
    (local.set $twice (i32.shl (local.get $stride) (i32.const 1)))
    (local.set $end (i32.add (local.get $x) (local.get $stride)))
    (loop $next
      (local.set $r (call $sigmoid (f32x4.add
        (v128.load (i32.add (local.get $x) (local.get $stride)))
        (v128.load (i32.add (local.get $inner) (local.get $stride))))))
      (local.set $n (call $tanh (f32x4.add
        (v128.load (i32.add (local.get $x) (local.get $twice)))
        (f32x4.mul
          (local.get $r)
          (v128.load (i32.add (local.get $inner) (local.get $twice)))))))
      (v128.store (local.get $h) (f32x4.add
        (local.get $n)
        (f32x4.mul
          (call $sigmoid
            (f32x4.add (v128.load (local.get $x)) (v128.load (local.get $inner))))
          (f32x4.sub (v128.load (local.get $h)) (local.get $n)))))
      (local.set $inner (i32.add (local.get $inner) (i32.const 16)))
      (local.set $h (i32.add (local.get $h) (i32.const 16)))
      (local.set $x (i32.add (local.get $x) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $x) (local.get $end)))))

  ;; A step of a simple RNN: h = tanh(sums).
  (func (export "rnn") (param $sums i32) (param $h i32) (param $units i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $sums) (i32.shl (local.get $units) (i32.const 2))))
    (loop $next
      (v128.store (local.get $h) (call $tanh (v128.load (local.get $sums))))
      (local.set $h (i32.add (local.get $h) (i32.const 16)))
      (local.set $sums (i32.add (local.get $sums) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $sums) (local.get $end)))))

  ;; Computes out[i] = exp((input[i] - offset) * factor); `count` is a multiple of 4.
  (func (export "exponentials")
    (param $out i32) (param $input i32) (param $count i32) (param $offset f32) (param $factor f32)
    (local $end i32)
    (local.set $end (i32.add (local.get $input) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (v128.store (local.get $out) (call $exp (f32x4.mul
        (f32x4.sub (v128.load (local.get $input)) (f32x4.splat (local.get $offset)))
        (f32x4.splat (local.get $factor)))))
      (local.set $out (i32.add (local.get $out) (i32.const 16)))
      (local.set $input (i32.add (local.get $input) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $input) (local.get $end)))))

  ;; 1 / (1 + exp(-x))
  (func $sigmoid (param $x v128) (result v128)
    (f32x4.div
      (v128.const f32x4 1 1 1 1)
      (f32x4.add (v128.const f32x4 1 1 1 1) (call $exp (f32x4.neg (local.get $x))))))

  ;; 2 / (1 + exp(-2 x)) - 1. Its error is below 2e-7: tanh is only added to or multiplied with
  ;; numbers of about 1, so small values need no more digits.
  (func $tanh (param $x v128) (result v128)
    (f32x4.sub
      (f32x4.div
        (v128.const f32x4 2 2 2 2)
        (f32x4.add
          (v128.const f32x4 1 1 1 1)
          (call $exp (f32x4.mul (local.get $x) (v128.const f32x4 -2 -2 -2 -2)))))
      (v128.const f32x4 1 1 1 1)))

  ;; exp(x) = 2^n exp(rest) with n = round(x / ln 2) and rest = x - n ln 2, which is at most
  ;; (ln 2) / 2 away from 0. There, exp is a polynomial within 5e-9, whose coefficients were fitted
  ;; to make the largest error least. x is first cut to where 2^n is a normal number.
  (func $exp (param $x v128) (result v128)
    (local $n v128) (local $rest v128)
    (local.set $x (f32x4.max
      (f32x4.min (local.get $x) (v128.const f32x4 88 88 88 88))
      (v128.const f32x4 -87 -87 -87 -87)))
    ;; 1.5 * 2^23 has no bits for fractions: adding it rounds, and leaves n in the lowest bits.
    (local.set $n (f32x4.add
      (f32x4.mul
        (local.get $x)
        (v128.const f32x4 1.442695 1.442695 1.442695 1.442695))
      (v128.const f32x4 12582912 12582912 12582912 12582912)))
    ;; n ln 2 in two parts; the first one has so few digits that its product is exact.
    (local.set $rest (f32x4.sub (local.get $n) (v128.const f32x4 12582912 12582912 12582912 12582912)))
    (local.set $rest (f32x4.sub
      (f32x4.sub
        (local.get $x)
        (f32x4.mul
          (local.get $rest)
          (v128.const f32x4 0.693359375 0.693359375 0.693359375 0.693359375)))
      (f32x4.mul
        (local.get $rest)
        (v128.const f32x4 -0.00021219444 -0.00021219444 -0.00021219444 -0.00021219444))))
    (i32x4.add
      (i32x4.shl (local.get $n) (i32.const 23))  ;; adds n to the exponent
      (f32x4.add
        (v128.const f32x4 1 1 1 1)
        (f32x4.mul (local.get $rest) (f32x4.add
          (v128.const f32x4 1 1 1 1)
          (f32x4.mul (local.get $rest) (f32x4.add
            (v128.const f32x4 0.49999994 0.49999994 0.49999994 0.49999994)
            (f32x4.mul (local.get $rest) (f32x4.add
              (v128.const f32x4 0.16666521 0.16666521 0.16666521 0.16666521)
              (f32x4.mul (local.get $rest) (f32x4.add
                (v128.const f32x4 0.04166839 0.04166839 0.04166839 0.04166839)
                (f32x4.mul (local.get $rest) (f32x4.add
                  (v128.const f32x4 0.0083687175 0.0083687175 0.0083687175 0.0083687175)
                  (f32x4.mul (local.get $rest)
                    (v128.const f32x4 0.0013814632 0.0013814632 0.0013814632 0.0013814632)
                  ))))))))))))))
)
