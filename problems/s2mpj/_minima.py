"""The minima of S2MPJ's problems that two sources agree on; where they do not agree, nothing is claimed.

One source is what S2MPJ's file says; of several values, the least. The other is our own descent from the start, by
SciPy's BFGS and L-BFGS-B and then Newton's method. Where the file says 0, the function is a sum of squares, a positive
definite form, or has 0 as its stated bound, and a point was found with f below 1e-12 of that at the start. Elsewhere f
was found to agree with all the digits of the file, of which there are three at least, and is given in full; or with a
round number to 1e-12; and none of eight descents from around the start came lower, as they do on FREUROTH and HIMMELBH.
"""

ZERO = """
ARGTRIGLS:10,50,100 BEALE:2 BOX3:3 BROWNAL:10,100 BROWNBS:2 BROYDN3DLS:5,10,50,100 BROYDNBDLS:10,50,100
BRYBND:10,50,100 CHNROSNB:5,10,25,50 CHNRSNBM:5,10,25,50 COOLHANSLS:9 CUBE:2 CYCLOOCFLS:20 DENSCHNA:2 DENSCHNB:2
DENSCHNC:2 DENSCHND:3 DENSCHNE:3 DENSCHNF:2 DEVGLA1:4 DEVGLA2:5 DIXON3DQ:10 ENGVAL1:2 ENGVAL2:3 EXTROSNB:5,10
FLETCHCR:10 GENHUMPS:5,10 GULF:3 HEART8LS:8 HELIX:3 HILBERTA:2,4,5,6,10 HILBERTB:5,10 HIMMELBB:2 HIMMELBG:2 KSSLS:4,10
LIARWHD:10 MANCINO:10 MODBEALE:2,4,10 MOREBV:10 n10FOLDTRLS:4 NONDIA:10 NONDQUAR:10 OSCIGRAD:10,15 OSCIPATH:2
POWELLSG:4,8,12,16 POWER:5,10 POWERSUM:4 QING:5 QUARTC:10 ROSENBR:2 ROSENBRTU:2 SBRYBND:10 SINEVAL:2 SISSER:2
SISSER2:2 SSBRYBND:10 STREG:4 STRTCHDV:10 TQUARTIC:5,10 TRIDIA:5,10 TRIGON1:10 VARDIM:10 WAYSEA1:2 WOODS:4 YFITU:3
"""
"""By name, the dimensions in which the minimum is 0."""

OTHERS = {
    ("BARD", 3): 0.008214877306578978,
    ("BDQRTIC", 100): 378.76919180868407,
    ("BRKMCC", 2): 0.16904267919645036,
    ("BROWNDEN", 4): 85822.2016263563,
    ("DIXMAANA1", 15): 1.0,
    ("DIXMAANB", 15): 1.0,
    ("DIXMAANC", 15): 1.0,
    ("DIXMAAND", 15): 1.0,
    ("DIXMAANE1", 15): 1.0,
    ("DIXMAANF", 15): 1.0,
    ("DIXMAANG", 15): 1.0,
    ("DIXMAANH", 15): 1.0,
    ("DIXMAANI1", 15): 1.0,
    ("DIXMAANJ", 15): 1.0,
    ("DIXMAANK", 15): 1.0,
    ("DIXMAANL", 15): 1.0,
    ("DIXMAANM1", 15): 1.0,
    ("DIXMAANN", 15): 1.0,
    ("DIXMAANO", 15): 1.0,
    ("DIXMAANP", 15): 1.0,
    ("ERRINROS", 10): 6.694632140396118,
    ("FMINSRF2", 16): 1.0,
    ("FMINSURF", 16): 1.0,
    ("GENROSE", 5): 1.0,
    ("GENROSE", 10): 1.0,
    ("HAIRY", 2): 20.0,
    ("HATFLDD", 3): 6.615113918641481e-08,
    ("HATFLDE", 3): 5.120376936622948e-07,
    ("HIMMELBF", 4): 318.57174879112296,
    ("JENSMP", 2): 124.36218235561482,
    ("LOGHAIRY", 2): 0.1823215567939546,
    ("OSBORNEA", 5): 5.464894697482847e-05,
    ("OSBORNEB", 11): 0.0401377362935477,
    ("PALMER3C", 8): 0.019537638513100912,
    ("PENALTY1", 10): 7.087651467090368e-05,
    ("PENALTY2", 4): 9.376293007355442e-06,
    ("S308", 2): 0.7731990564929236,
    ("SCHMVETT", 3): -3.0,
    ("SCHMVETT", 10): -24.0,
    ("ZANGWIL2", 2): -18.2,
}

MINIMA = OTHERS | {
    (name, int(dim)): 0.0 for name, _, dims in (word.partition(":") for word in ZERO.split()) for dim in dims.split(",")
}
"""The minimum by name and dimension."""
