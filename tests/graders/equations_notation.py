"""More of what solutions write with an equals sign, in the notations of `data_synthesis/rejection_sampling/notation.py`.

As in `equations.py`, a line is a solution. Words for operators, parts of numbers, run-on chains, LaTeX, marked results, raised
powers, roots, units of other languages.
"""

RIGHT = r"""
3个苹果 + 4个苹果 = 7个苹果
5元 + 5角 = 5.5元
4万 + 5000 = 45000
小明有5+3=8（个）
2小时 + 30分钟 = 150分钟
每小时60千米×2小时=120千米
３＋４＝７
사과 3개 + 4개 = 7개
5万円 + 3000円 = 53000円
11点 + 3 = 2点
第3天 2+4=6
第3=2+4
Jan hat 3 Äpfel + 4 Äpfel = 7 Äpfel
5 тысяч + 500 = 5500
5 рублей + 50 копеек = 5.5 рублей
3 mil + 500 = 3500
20% of 50 = 10
1/3 of 30 apples = 10 apples
2/3 of 10 = 7 people
1/2 of 10 + 4 = 9
2 1/2 of 10 = 25
3/4 of 1/2 = 3/8
10 - 1/2 of 10 = 5
30% of 50% = 15%
half of 10 + 4 = 7
the average of 80 + 90 = 85
Average (80 + 90) = 85
Average = (80 + 90)/2 = 85
The remainder of 17/5 = 2
twice 3 + 4 = 14
the remainder when 17 / 5 = 2
3 plus 4 times 2 = 14
3 plus 4 times 2 = 11
3 times 4 plus 2 = 14
20 divided by 4 = 5
3/4 is equal to $15
8 * 45 = 360 divided by 5 is 72
6 + 6 = 3 times 4
He went 3 times. 4 + 4 = 8
10 / 4 = 2.5 * 2 = 5
1/2 + 1/4 = 3/4 * 8 = 6
100 - 30 = 70 / 2 = 35 + 5 = 40
8 / \frac{1}{2} = 16
8 \div \frac{1}{2} = 16
\frac{\frac{1}{2}}{\frac{1}{4}} = 2
\frac{12}{5} = 2
\sqrt{49} - 2 = 5
\sqrt{50} + 1 = 8.07
x = \pm \sqrt{16} = \pm 4
x = 2 \pm 3 = 5
x = \frac{2 \pm 4}{2} = 3
2 ± 3 + 1 = 6
\frac{-b \pm \sqrt{16}}{2} = 3
3\sqrt{16} = 12
√16 + 9 = 13
10⁻² = 0.01
2⁴ = 16
10³ + 1 = 1001
2<sup>3</sup> = 8
x_1 + x_2 = 3 + 4 = 7
a_2 = 3
3 + ___ = 7
4 (2 + 2 = 4)
x = 3 (2 + 2 = 4)
(3)(4) = 12
5(3) = 15
Problem 5(2) = 10
f(3) = 4
x(3) = 9
C(5)(2) = 10
(2)(-3) = -6
If 3 + 4 = 8 then no
1/8 = 0.12
1/8 = 0.13
1/8 = 0.1
2/3 = 0.66
12.34 + 1.1 = 13.4
-10/3 = -3.33
2/3 = 66%
5/12 = 42%
3/4 * 100% = 75%
66.7% of 30 = 20
33% of 300 = 100
33% of 300 = 99
17.5 - 14 = 4%
120 miles / 60 miles per hour = 2 hours
₹30 + ₹40 = ₹70
15 ∶ 3 = 5
2 + 2 === 4
6/2(1+2) = 9
6/2(1+2) = 1
14 / 1 / 4 = 14 * 4 = 56
20 + 5 = 25ml of oil
2400 / 200 = 12 200-kilobyte videos
24 / 2 = 12 two-inch boards
24 / 2 = 12-inch boards
4 ft + 2 ft = 6ft-long boards
10 - sin(0) = 10
10-sin(0) = 10
10-x = 7
5ab = 5 * 2 * 3 = 30
7/12 / 1/12 = 7
24 / 2 / 3 = 4
Speed: 60 km/h × 2.5 h = 150 km
12:30 + 45 = 1:15
1st + 2 = 3
Step 3 = 4 + 5 = 9
Let y = 2x. 2 * 3 = 6
|-3| + 2 = 5
-3^2 = -9
5 x 10^3 = 5000
5e3 + 1 = 5001
0.1% of 1000 = 1
3.5 million / 7 = 500,000
Area = 3m × 4m = 12m²
2.5kg + 1.5kg = 4kg
2+3=5, which equals 5
7 + 8 = 15 = 5 × 3
$15 + $3.50 = 18.50
30 × 0.5 = 15 → 15 + 2 = 17
{3 + 4} = 7
[3 + 4] × 2 = 14
2[3 + 4] = 14
(3 + 4]*2 = 14
3 яблока + 4 яблока = 7 яблок
40/200 = 0.2 * 100 = 20%
5 + 7 = 12 + 3 = 15
2 + 2 = 4 - 1 = 3 is quick maths
48/2(9+3) = 2
Half of the 20 cookies is 10, so 20 - 10 = 10 are left.
He reads 3 times 2 = 6 pages, plus 4 more = 10 pages.
She ran 3 times 5 miles plus 2 miles = 17 miles.
5 times as many as 3 = 15
Twice as many as 7 is 14, and 14 + 7 = 21.
3 less than 10 = 7
10 more than 3 times 4 = 22
The total is 5 plus 3 times 2 = 11.
20 minus half of 20 = 10
20 minus 10% of 20 = 18
1/2 of 20 plus 5 = 15
1/3 of the remaining 12 = 4
40% of the 50 students = 20 students
25% of 80 equals 20, so 80 - 20 = 60
75% of 200 minus 50 = 100
50% off 20 = 10
20% off $50 = $40
20% more than 50 = 60
20% of 50 + 30% of 100 = 40
The price after 10% off is 100 - 10% = 90
3 out of 5 = 60%
The odds are 3 to 1 = 3
2 for 5 = 10 dollars per 4
The sum of 3 and 4 = 7
The difference of 10 and 4 = 6
The product of 3 and 4 = 12
The mean is (3 + 5)/2 = 4
Mean of 3, 5 = 4
The square of 3 + 1 = 10
the square root of 16 + 9 = 5
the square root of 16 = 4
2 squared = 4
2 cubed = 8
2 to the 3 = 8
10 choose 2 = 45
5 factorial = 120
3! + 4 = 10
x = 3 or 4
x = 5, y = 2 * 5 = 10
x/2 = 5, x = 10
2(x+1) = 2x + 2
2x + 3x = 5x = 25
5x = 25 / 5 = 5
x + 5 = 12 - 5 = 7
3x = 21/3 = 7
y = 3 times 4 - 2 = 10
n = 2^3 - 1 = 7
Let's say there are 5 rows, and each row has 4 = 20 seats.
9 + 1 = 10s
10 - 3 = 7th floor
He has 2 + 3 = 5 (five) apples
The answer is 2 + 3 = 5 (since 2 + 2 = 4 and 4 + 1 = 5)
5 (2 + 3) = 25
She paid 5 (2 + 3 = 5) dollars
(a) 2 + 3 = 5 (b) 3 + 4 = 7
Case 2: 3 + 4 = 7
In 2 hours 3 * 4 = 12 pages
If 5 people eat 2 slices each = 10 slices
If 3 + 4 = 7 then 7 + 1 = 8
1/4 mile * 4 = 1 mile
1/4 of a mile * 4 = 1 mile
2 3/4 = 11/4
2 and 1/2 times 4 = 10
4 times 2 1/2 = 10
3 quarters = 75 cents
3/4 of $20 = $15 and 1/4 of $20 = $5
3/5 of 20 girls = 12 girls = 60%
2/3 of 3/4 = 1/2
2/3 of 1 = 2/3
30% of 2.5 = 0.75
15% of 80 = .15 * 80 = 12
0.15 of 80 = 12
150% of 20 = 30
5% of 1,000 = 50
(1/2) of 10 = 5
\frac{1}{2} of 10 = 5
\frac{3}{4} \text{ of } 20 = 15
60\% of 50 = 30
60\% \times 50 = 30
$\frac{2}{3}\sqrt{36} = 4$
\sqrt{4} \cdot \sqrt{9} = 6
\sqrt{4}\sqrt{9} = 6
\sqrt{2} \cdot \sqrt{8} = 4
5\sqrt{4} - 1 = 9
\frac{\sqrt{16}}{2} = 2
\frac{1}{\sqrt{4}} = \frac{1}{2}
\sqrt{16} = 4, \sqrt[3]{27} = 3
-\sqrt{9} + 5 = 2
2^{\frac{1}{2}} = 1.414
4^{\frac{1}{2}} + 1 = 3
\left(\frac{1}{2}\right)^2 = \frac{1}{4}
\frac{1}{2}^2 = \frac{1}{4}
\frac{3}{4} \div \frac{1}{2} = \frac{3}{2} = 1.5
\frac{3/4}{1/2} = 1.5
1 \div \frac{3}{4} = 1\frac{1}{3}
\frac{2^3}{4} = 2
\frac{10!}{8!} = 90
\binom{4}{2} \cdot 2 = 12
2 \cdot 3^{2} = 18
3^{2^2} = 81
(-1)^{3} = -1
5 \mod 3 = 2
7 \bmod 4 = 3
0.\overline{3} * 3 = 1
0.333\ldots \times 3 = 1
1.0\overline{6} = 16/15
12 \,\text{cm} \times 3 \,\text{cm} = 36 \,\text{cm}^2
5\,000 + 1 = 5\,001
\$5 \times 3 = \$15
90^\circ - 30^\circ = 60^\circ
2\pi \cdot 3 = 6\pi
A_1 = \frac{1}{2}(4)(3) = 6
V = \frac{1}{3}(9)(4) = 12
m = \frac{7 - 3}{4 - 2} = 2
P = 2(3) + 2(4) = 14
3(2)(4) = 24
2(3)^2 = 18
(2)(3)^2 = 18
10(1.05)^2 = 11.025
1000(1 + 0.05)^2 = 1102.5
1000 \times 1.05^{2} = 1102.50
5(2x + 1) = 5(2(3) + 1) = 35
f(2)(3) = 6
f(3)(2) = 10
Problem 3 (2 points) = 5
Q3(2) = 5
10_(2) = 2
(101)_2 = 5
x^2(3) = 9
3 个 × 5 元 = 15 元
每人3个，5人共3×5=15个
一共：12+8=20（元）
(12+8)×2=40(元)
速度：120÷2=60(千米/时)
3米5分米=35分米
2元5角+3元=5元5角
5米+30厘米=530厘米
1吨+200千克=1200千克
30÷4=7……2
30÷4=7余2
12的1/3=4
20的25%=5
20×25%=5
半径是3，面积=3.14×3²=28.26
5月3日+2天=5月5日
第2题 3+4=7
第1组12+第2组8=20
甲3+乙4=7
3 Stück + 2 Stück = 5 Stück
2 Stunden + 30 Minuten = 150 Minuten
3 kg de pommes + 2 kg de poires = 5 kg
2 heures 30 = 150 minutes
12 € + 8,50 € = 20,50 €
1.250 + 750 = 2.000
3 docenas + 2 = 38
2 pares = 4 zapatos
5 руб. + 3 руб. = 8 руб.
2 часа + 30 минут = 150 минут
3 пары = 6
2 дюжины + 1 = 25
मोहन के पास 3 + 4 = 7 सेब
لديه 3 + 4 = 7 تفاحات
5 사과 + 3 사과 = 8 사과
1만 + 2000 = 12000
2시간 + 30분 = 150분
Rs. 50 + Rs. 30 = Rs. 80
USD 5 + USD 3 = USD 8
5k + 3k = 8k
1.5M + 500K = 2M
1 lb + 8 oz = 24 oz
3'4" = 40"
6 ft 2 in + 4 in = 6 ft 6 in
2 yards = 2 * 3 = 6 feet
9 am + 3 = 12 pm
2022 - 1990 = 32
Q: 3 + 4 = ? A: 7
3 + 4 = __
__ + 4 = 7
2 + 3 = **5**, 5 * 2 = **10**
`2 + 3 = 5`; `print(2 + 3) == 5`
2 + 3 = 5.0
2 + 3 = 05
2 + 3 = five
a[2] + 3 = 5
v1 * 2 = 10
10 x 10 = 10² = 100
2 x 4's = 8
1-2 = -1
3/4/2020 + 1 = 3/5/2020
the 1/2 point + 1/2 point = 1 point
""".strip("\n").split("\n")
"""Right, or not surely false: what is supposed, compared ("3 more than 4"), or may be read in two ways ("3 plus 4 times 2")."""

FALSE = r"""
共有3×4=13个
小明有5+3=9（个）
３＋４＝８
3개 + 4개 = 8개
5 euros + 3 euros = 9 euros
20% of 50 = 12
15% of $120 = $20
1/3 of 30 apples = 12 apples
1/2 of 20 = 10 and 1/2 of 10 = 6
Average = (80 + 90)/2 = 86
the sum of 3 + 4 = 8
a total of 3 + 4 = 8
20 minus 3 = 16
20 divided by 4 = 6
4 apples plus 3 apples = 8 apples
6 times 7 equals 43
6 + 7 is equal to 14
30 multiplied by 2 = 61
10 / 4 = 2.5 * 2 = 6
10 / 4 = 2.4 * 2 = 4.8
5 + 7 = 12 + 3
2 * 2 = 4 * 2 = 16
100 - 30 = 70 / 2 = 35 + 5 = 45
12 = 3 * 4 = 13
8 \div \frac{1}{2} = 4
\frac{\frac{1}{2}}{\frac{1}{4}} = 3
\frac{3+5}{2} = 5
\sqrt{49} - 2 = 6
2\sqrt{9} + 1 = 8
√(16) + 9 = 14
2⁴ = 18
2<sup>3</sup> = 9
2 + 2 = <strong>5</strong>
2 + 2 = __5__
2 + 2 = _5_
\mathbf{2 + 2 = 5}
\textcolor{red}{2} + 2 = 5
4 (2 + 2 = 5)
(3)(4) = 14
5(3) = 16
(2)(-3) = 6
1/8 = 0.2
10/3 = 3.34
12.34 + 1.1 = 13.5
-10/3 = -3.34
5/12 = 43%
3/4 * 100% = 76%
17% of 600 = 100
120 miles / 60 miles per hour = 3 hours
$3 per box * 4 boxes = $13
₹30 + ₹40 = ₹80
15 ÷ 3 = 4
2 + 2 == 5
6/2(1+2) = 3
14 / 1 / 4 = 57
20 + 5 = 26ml of oil
2400 / 200 = 13 200-kilobyte videos
24 / 2 = 14 two-inch boards
24 / 2 = 13-inch boards
5kg + 3kg = 9kg of rice
24 / 2 / 3 = 6
0.1% of 1000 = 10
2.5kg + 1.5kg = 5kg
A: 2+3 = 5; B: 4*5 = 21
3 × (4 + 5) = 3 × 9 = 28
3 яблока + 4 яблока = 8 яблок
3 times 4 = 13
3 plus 4 = 8
2 + 2 = \textbf{5}
2 + 2 = \mathbf{5}
2 + 2 = \underline{5}
2 + 2 = <b>5</b>
小明有3个苹果，又买4个，一共3+4=8个
速度：120÷2=50(千米/时)
40\% \text{ of } 50 = 40\% \times 50 = 25
\sqrt{4} \cdot \sqrt{9} = 5
3 of them cost 3 times 4 = 13
""".strip("\n").split("\n")
"""The same forms with a slip."""
