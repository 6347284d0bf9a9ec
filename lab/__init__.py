"""`lab`: how often does it go wrong, what does each guard cost, and which schedule breaks it?"""
