"""Neural networks for tables.

`estimators` is what others use. Whatever needs torch, which takes seconds to import, is imported
by the first fit or prediction.
"""
